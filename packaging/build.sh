#!/usr/bin/env bash
# Builds the program for every platform of a release.
#
#   packaging/build.sh DIRECTORY [PLATFORM ...]      a platform is like linux_amd64; default: all
#
# Prints PLATFORM=FILE for each. The flags are the Makefile's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$1
shift
[ $# != 0 ] || set -- linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64
version=$(packaging/version)
for platform; do
  file=$dir/$platform/tap-confluence
  [ "${platform%_*}" != windows ] || file=$file.exe
  CGO_ENABLED=0 GOOS=${platform%_*} GOARCH=${platform#*_} go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X github.com/tap-confluence/tap-confluence/tap.version=$version" -o "$file" ./cmd/tap-confluence
  echo "$platform=$file"
done
