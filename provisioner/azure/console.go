package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/godwit/godwit/provisioner"
)

// Console implements provisioner.Provider: the serial log that Azure's boot
// diagnostics keep.
func (p *Provider) Console(ctx context.Context, id string) ([]byte, error) {
	gone := provisioner.Unknown("console", id)
	if !machineName.MatchString(id) {
		return nil, gone
	}
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	answer, err := c.machines.RetrieveBootDiagnosticsData(ctx, p.config.ResourceGroup, id, nil)
	if err != nil {
		return nil, cloud.Failure("console", id, err)
	}
	address := value(answer.SerialConsoleLogBlobURI)
	if address == "" {
		return nil, nil
	}
	text, err := p.fetch(ctx, address)
	if err != nil {
		// The address carries a signature: it stays out of errors.
		return nil, provisioner.Refuse(provisioner.Transient, "console", id, "the serial log cannot be read: %w", errors.Unwrap(err))
	}
	return text[max(0, len(text)-provisioner.ConsoleLimit):], nil
}

// mostLog bounds what is read of a serial log; Azure keeps about a megabyte.
const mostLog = 16 << 20

func (p *Provider) fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return io.ReadAll(io.LimitReader(response.Body, mostLog))
	case http.StatusNotFound:
		return nil, nil // nothing was written yet
	}
	return nil, fmt.Errorf("serial log: %w", errors.New(response.Status))
}
