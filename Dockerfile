# One static binary on an image that has nothing but certificates and a user.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=devel
ARG COMMIT=unknown
ARG DATE=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
    -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT -X main.date=$DATE" \
    -o image/claimsmith ./cmd/claimsmith
RUN mkdir image/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/image/claimsmith /usr/local/bin/claimsmith
COPY --from=build --chown=65532:65532 /src/image/data /var/lib/claimsmith
WORKDIR /var/lib/claimsmith
USER 65532:65532
EXPOSE 8080 9080
ENV CLAIMSMITH_CONFIG=/etc/claimsmith/claimsmith.yaml
ENTRYPOINT ["claimsmith"]
CMD ["serve"]
