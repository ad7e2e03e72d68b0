# The image of the Airbyte source, which also runs as a Singer tap. To build and try it without a registry and
# without Docker: make image-test.
#
#   docker build --build-arg VERSION="$(packaging/version)" -t tap-confluence .

ARG GO_IMAGE=docker.io/library/golang:1.26-alpine
# Airbyte starts connectors through a shell, so an image without one does not do.
ARG BASE_IMAGE=docker.io/library/busybox:1.37-musl

# Compiles for the image's platform on the builder's own.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS go

FROM go AS built
WORKDIR /src
ARG GOPROXY=https://proxy.golang.org,direct
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=dev
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X github.com/tap-confluence/tap-confluence/tap.version=$VERSION" \
      -o /tap-confluence ./cmd/tap-confluence

# No RUN from here on: images for other processors need no emulation.
FROM ${BASE_IMAGE} AS runtime
COPY --from=go /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt

# Airbyte wants this user. The tap writes no file, so the root file system can be read-only.
USER 1000:1000

# Airbyte puts a shell in the entrypoint's place, which runs this variable in another directory.
ENV AIRBYTE_ENTRYPOINT=/usr/local/bin/tap-confluence
ENTRYPOINT ["/usr/local/bin/tap-confluence"]

ARG VERSION=dev
ARG RELEASE=$VERSION
ARG COMMIT=unknown
LABEL io.airbyte.name="ghcr.io/tap-confluence/tap-confluence" \
      io.airbyte.version="$RELEASE" \
      org.opencontainers.image.title="tap-confluence" \
      org.opencontainers.image.description="Extracts a Confluence Cloud site: a Singer tap and an Airbyte source" \
      org.opencontainers.image.source="https://github.com/tap-confluence/tap-confluence" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"

# Releases: --target prebuilt takes the program from linux/amd64 or linux/arm64 of the build's context.
FROM runtime AS prebuilt
ARG TARGETPLATFORM=linux/amd64
COPY $TARGETPLATFORM/tap-confluence /usr/local/bin/tap-confluence

# The default compiles it.
FROM runtime
COPY --from=built /tap-confluence /usr/local/bin/tap-confluence
