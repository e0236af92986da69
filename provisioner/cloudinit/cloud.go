package cloudinit

import (
	"bytes"
	"compress/gzip"
	"fmt"
)

// Cloud is where user data is read: its limits, and where a machine learns its
// own addresses.
type Cloud struct {
	// Name is for people: "Amazon EC2".
	Name string
	// MaxBytes is the most user data that the cloud takes, before base64.
	MaxBytes int
	// Gzip: cloud-init gets the bytes as they were given, so that they may be
	// compressed.
	Gzip bool
	// Metadata names the metadata service that tells a node its addresses:
	// "ec2", "gce", "azure"; "" asks the machine's routes.
	Metadata string
}

// The clouds.
var (
	// EC2 takes 16 KB of raw user data:
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
	EC2 = Cloud{Name: "Amazon EC2", MaxBytes: 16 << 10, Gzip: true, Metadata: "ec2"}
	// Azure takes 65535 bytes of custom data, counted before base64 (osProfile.customData):
	// https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update
	Azure = Cloud{Name: "Azure", MaxBytes: 64<<10 - 1, Gzip: true, Metadata: "azure"}
	// GCE takes 256 KB per metadata value, which must be text:
	// https://cloud.google.com/compute/docs/metadata/setting-custom-metadata
	GCE = Cloud{Name: "Google Compute Engine", MaxBytes: 256 << 10, Metadata: "gce"}
	// NoCloud is a seed on the machine's own disk, read by cloud-init's data
	// source of that name.
	NoCloud = Cloud{Name: "NoCloud", MaxBytes: 1 << 20, Gzip: true}
)

// fit returns user data that the cloud takes: as it is where it fits, since
// people read it in consoles, else compressed where the cloud allows that.
func (c Cloud) fit(data []byte) ([]byte, error) {
	if len(data) <= c.MaxBytes {
		return data, nil
	}
	size, how := len(data), ""
	if c.Gzip {
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
		if err == nil {
			_, err = w.Write(data)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
		if out.Len() <= c.MaxBytes {
			return out.Bytes(), nil
		}
		size, how = out.Len(), " compressed"
	}
	return nil, &SizeError{Cloud: c.Name, Bytes: size, Limit: c.MaxBytes, how: how}
}

// SizeError is user data that a cloud does not take.
type SizeError struct {
	Cloud string
	// Bytes that there are, compressed if that is allowed, and that may be.
	Bytes, Limit int
	how          string
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("user data is %d bytes%s, and %s takes %d: shorten first_boot_script by %d bytes or more, or have it fetch what is long",
		e.Bytes, e.how, e.Cloud, e.Limit, e.Bytes-e.Limit)
}
