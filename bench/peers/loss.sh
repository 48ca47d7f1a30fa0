#!/bin/sh
# What loss costs others: each peer of this directory that can be built here; see "What loss costs" in ../README.md.
# usage: loss.sh [SECONDS_OF_A_RUN [ROUNDS]]
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
code=/usr/share/gocode # where Debian's Go packages lie
if ! command -v go >/dev/null || [ ! -d "$code/src/go.etcd.io/etcd/raft" ]; then
  echo "skipped: etcd's raft: apt-get install golang-go golang-etcd-server-dev"
else
  HOME=$work GOCACHE=$work/cache GOPATH=$code GO111MODULE=off go build -o "$work/etcd_loss" "$here/etcd_loss.go" && "$work/etcd_loss" "$@"
fi
