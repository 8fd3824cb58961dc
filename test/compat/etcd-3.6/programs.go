//go:build programs

// Package programs pins etcd 3.6, so that `go build` of its package path works from here. It is never built itself.
package programs

import _ "go.etcd.io/etcd/server/v3"
