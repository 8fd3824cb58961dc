//go:build programs

// Package programs pins the real etcd programs in go.mod, so that `go build` of their package
// paths works from here. It is never built itself.
package programs

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
