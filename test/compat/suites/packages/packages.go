//go:build packages

// Package packages pins etcd's own suites in go.mod, so that `go test -c` of their package paths
// works from here. It is never built itself.
package packages

import (
	_ "go.etcd.io/etcd/etcdutl/v3/snapshot"
	_ "go.etcd.io/etcd/tests/v3/common"
	_ "go.etcd.io/etcd/tests/v3/framework"
	_ "go.etcd.io/etcd/tests/v3/framework/integration"
)
