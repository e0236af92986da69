# The manager: a static binary on an empty base. Postgres is a container of its
# own (DATABASE_URL); the console is inside the binary.
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
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/ ./cmd/godwit-manager ./cmd/godwit-node \
 && mkdir -p /out/state /out/tmp && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/godwit-manager /out/godwit-node /usr/bin/
COPY --from=build --chown=65532:65532 /out/state /var/lib/godwit
COPY --from=build /out/tmp /tmp
USER 65532:65532
EXPOSE 8443 4222
ENTRYPOINT ["/usr/bin/godwit-manager"]
CMD ["serve", "--data", "/var/lib/godwit", "--listen", "0.0.0.0:8443", "--fleet-listen", "0.0.0.0:4222"]
