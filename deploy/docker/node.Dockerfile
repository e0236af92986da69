# A transfer node: one static binary on an empty base. It waits in its slot until
# the manager wants a node there (docs/docker.md).
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath \
      -ldflags "-s -w -X github.com/godwit/godwit/internal/version.Version=$VERSION" \
      -o /out/bin/ ./cmd/godwit-node \
 && mkdir -p /out/state /out/slots /out/storage /out/tmp \
 && chmod 0700 /out/state /out/slots && chmod 0750 /out/storage && chmod 1777 /out/tmp

# A new named volume takes owner and mode of the directory that it covers: so
# the directories are here, and manager and nodes share one user id.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bin/ /usr/bin/
COPY --from=build --chown=65532:65532 /out/state /var/lib/godwit
COPY --from=build --chown=65532:65532 /out/slots /var/lib/godwit-slots
COPY --from=build --chown=65532:65532 /out/storage /srv/godwit
COPY --from=build /out/tmp /tmp
USER 65532:65532
EXPOSE 33001/tcp 33001/udp
VOLUME ["/var/lib/godwit"]
ENTRYPOINT ["/usr/bin/godwit-node"]
CMD ["attach", "--slot", "/var/lib/godwit-slots/node1", "--data", "/var/lib/godwit", "--port", "33001"]
