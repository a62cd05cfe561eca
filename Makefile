# claimsmith needs Go and make; everything else is fetched or installed from here.

.DEFAULT_GOAL := help

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
commit  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
date    := $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
ldflags := -s -w -X main.version=$(version) -X main.commit=$(commit) -X main.date=$(date)

platforms := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

.PHONY: help run build test bench lint install-servers clean $(platforms)

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the server with demo data and print commands to paste
	go run ./cmd/claimsmith serve --demo --data data

build: $(platforms) ## build a static binary for each platform into dist/

$(platforms):
	@# gRPC's own tracing would keep methods in the program that nothing calls: 5 MB
	CGO_ENABLED=0 GOOS=$(@D) GOARCH=$(@F) go build -trimpath -tags grpcnotrace -ldflags '$(ldflags)' -o dist/claimsmith-$(@D)-$(@F) ./cmd/claimsmith

test: install-servers ## run every test, against real servers, with the race detector
	@# only root can start Samba's domain controller: others skip what needs it
	CLAIMSMITH_TEST_ALL=$$(test "$$(id -u)" -ne 0 || echo 1) go test -race -timeout 40m $(TESTFLAGS) ./...

bench: ## compare every path with what this machine can do at all; PATHS=token,jwks for some
	go run ./bench $(if $(PATHS),-paths $(PATHS)) $(BENCHFLAGS)

lint: ## check formatting, go vet, staticcheck and go.mod
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff

install-servers: ## install the Debian packages that the tests' real servers need
	@.ci/install-servers

clean: ## remove what build made
	rm -rf dist
