# One static binary on an image that has nothing but certificates and a user.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=devel
ARG COMMIT=unknown
ARG DATE=unknown
ENV GOCACHE=/cache/build GOMODCACHE=/cache/mod
# Tracing of gRPC's own would keep methods in the program that nothing calls: 5 MB.
RUN --mount=type=cache,target=/cache \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -tags grpcnotrace \
    -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT -X main.date=$DATE" \
    -o image/claimsmith ./cmd/claimsmith
RUN mkdir image/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/image/claimsmith /usr/local/bin/claimsmith
COPY --from=build --chown=65532:65532 /src/image/data /var/lib/claimsmith
# The sockets of the plugins' processes are made here.
COPY --from=build --chown=65532:65532 /src/image/data /tmp
ENV PATH=/usr/local/bin
WORKDIR /var/lib/claimsmith
USER 65532:65532
EXPOSE 8080 9080
ENV CLAIMSMITH_CONFIG=/etc/claimsmith/claimsmith.yaml
ENTRYPOINT ["claimsmith"]
CMD ["serve"]
