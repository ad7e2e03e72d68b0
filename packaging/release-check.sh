#!/usr/bin/env bash
# Checks what a release needs, without publishing: the tag, goreleaser, go install, and that one commit gives the same
# bytes in two directories, built by packaging/build.sh and by goreleaser, each with an empty cache. What is
# committed is checked, nothing else; run it with make release-check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. packaging/lib.sh

cleanup() { chmod -R u+w "$TMP" && rm -rf "$TMP"; }
trap cleanup EXIT
release=$(packaging/version --release)
commit=$(git rev-parse HEAD)
goreleaser=$PWD/${GORELEASER:?make sets it}
mkdir -p "$TMP/bin"
ln -s "$PWD/${CYCLONEDX:?make sets it}" "$TMP/bin/cyclonedx-gomod"

say "the version is $release"
for tag in $(git tag --points-at HEAD --list 'v*'); do
  is "the tag of this commit" "$tag" "v$release"
  grep -q "^## \[$release\]" CHANGELOG.md || die "CHANGELOG.md has no heading ## [$release]"
  ok "CHANGELOG.md has its changes"
done

# clone DIRECTORY: checks the commit out into it.
clone() {
  git clone --quiet --no-local "$PWD" "$1"
  git -C "$1" checkout --quiet "$commit"
}

# wheels_of DIRECTORY PLATFORM=FILE ...
wheels_of() {
  (cd "$1" && "$PYTHON" packaging/wheels.py --version "$(packaging/version)" --out dist/wheels "${@:2}" >/dev/null)
}

platforms=(linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64)
one=$TMP/one
two=$TMP/elsewhere/two

say "building commit ${commit:0:12} from nothing"
clone "$one"
mapfile -t programs < <(cd "$one" && GOCACHE=$one.cache packaging/build.sh dist/programs "${platforms[@]}")
is "the number of programs" "${#programs[@]}" "${#platforms[@]}"
wheels_of "$one" "${programs[@]}"

say "the same with goreleaser, in another directory and from nothing"
clone "$two"
(
  cd "$two"
  "$goreleaser" check --quiet
  # The image is left to make image-test, since goreleaser needs Docker for it.
  SNAPSHOT_VERSION=$(packaging/version) GOCACHE=$two.cache PATH=$TMP/bin:$PATH \
    "$goreleaser" release --snapshot --skip=docker,publish --parallelism 1 >"$TMP/goreleaser.log" 2>&1 ||
    die "the try failed: $(tail -n 20 "$TMP/goreleaser.log")"
  cd dist/goreleaser
  sha256sum --quiet --check checksums.txt
)
ok ".goreleaser.yaml is valid, and the checksums are right"
is "the number of archives" "$(find "$two/dist/goreleaser" -maxdepth 1 \( -name '*.tar.gz' -o -name '*.zip' \) | wc -l)" "${#platforms[@]}"
is "the number of bills of materials with the program's modules" \
  "$(grep -l '"name": "github.com/hashicorp/go-retryablehttp"' "$two"/dist/goreleaser/*.cdx.json | wc -l)" "${#platforms[@]}"
again=()
for platform in "${platforms[@]}"; do
  file=$(echo "$two"/dist/goreleaser/tap-confluence_"$platform"*/tap-confluence*)
  cmp "$one/dist/programs/$platform/${file##*/}" "$file" || die "two builds for $platform differ"
  again+=("$platform=$file")
done
ok "both builds have the same bytes, for every platform"
wheels_of "$two" "${again[@]}"
diff -r "$one/dist/wheels" "$two/dist/wheels" || die "the wheels differ"
is "the number of equal wheels" "$(find "$two/dist/wheels" -name '*.whl' | wc -l)" "${#platforms[@]}"

say "go install"
module=$(cd "$one" && go list -m)
proxy=$TMP/proxy/$module/@v
mkdir -p "$proxy"
echo "v$release" >"$proxy/list"
printf '{"Version": "v%s"}\n' "$release" >"$proxy/v$release.info"
cp "$one/go.mod" "$proxy/v$release.mod"
git archive --prefix="$module@v$release/" --output "$proxy/v$release.zip" "$commit"
(
  export GOBIN=$TMP/installed GOPROXY="file://$TMP/proxy,file://$(go env GOMODCACHE)/cache/download" GOSUMDB=off
  GOMODCACHE=$TMP/modules GOFLAGS=-modcacherw go install "$module/cmd/tap-confluence@latest" 2>"$TMP/install.log" ||
    die "go install failed: $(tail -n 5 "$TMP/install.log")"
)
is "what go install @latest makes of a proxy's module" "$("$TMP/installed/tap-confluence" --version)" "tap-confluence v$release"
(cd "$one" && GOBIN=$TMP/installed GOFLAGS=-buildvcs=true go install ./cmd/tap-confluence)
case $("$TMP/installed/tap-confluence" --version) in
*"-${commit:0:12}" | "tap-confluence v$release") ok "in a clone it is $("$TMP/installed/tap-confluence" --version)" ;;
*) die "go install in a clone gives $("$TMP/installed/tap-confluence" --version)" ;;
esac

say "what describes the program elsewhere"
program=$one/dist/programs/$(go env GOOS)_$(go env GOARCH)/tap-confluence
"$program" --about --format=json | "$PYTHON" packaging/hub.py >"$TMP/hub.yml"
diff docs/meltano-hub.yml "$TMP/hub.yml" || die "docs/meltano-hub.yml is out of date; see packaging/hub.py"
ok "docs/meltano-hub.yml is what the program says"

printf '\n%d passed, 0 failed\n' "$checks"
