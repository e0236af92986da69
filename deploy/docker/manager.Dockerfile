# The manager: static binaries on an empty base. Postgres is a container of its
# own (DATABASE_URL); the console is inside the binary. The command line comes
# along, for those who have no other copy of it.
FROM node:20-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --silent
COPY api/openapi.json ../api/openapi.json
COPY web ./
RUN npm run --silent build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath \
      -ldflags "-s -w -X github.com/godwit/godwit/internal/version.Version=$VERSION" \
      -o /out/bin/ ./cmd/godwit-manager ./cmd/godwit-node ./cmd/godwit \
 && mkdir -p /out/state /out/slots /out/tmp && chmod 0700 /out/state /out/slots && chmod 1777 /out/tmp

# A new named volume takes owner and mode of the directory that it covers: so
# the directories are here, and manager and nodes share one user id.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bin/ /usr/bin/
COPY --from=build --chown=65532:65532 /out/state /var/lib/godwit
COPY --from=build --chown=65532:65532 /out/slots /var/lib/godwit-slots
COPY --from=build /out/tmp /tmp
ENV HOME=/var/lib/godwit
USER 65532:65532
EXPOSE 8443 4222
VOLUME ["/var/lib/godwit"]
HEALTHCHECK --interval=5s --timeout=6s --start-period=30s \
  CMD ["/usr/bin/godwit-manager", "health", "--data", "/var/lib/godwit"]
ENTRYPOINT ["/usr/bin/godwit-manager"]
CMD ["serve", "--data", "/var/lib/godwit", "--slots", "/var/lib/godwit-slots", "--listen", "0.0.0.0:8443", "--fleet-listen", "0.0.0.0:4222"]
