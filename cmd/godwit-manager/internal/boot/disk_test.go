package boot

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// zramControl makes and removes disks of compressed memory: block devices that are
// no loop devices, as a cloud's volumes are. Source: the kernel's
// Documentation/admin-guide/blockdev/zram.rst.
const zramControl = "/sys/class/zram-control/"

// emptyDisk makes a disk that nobody else has. It takes memory only of what is
// written to it.
func emptyDisk(gb int) (path string, remove func() error, err error) {
	text, err := os.ReadFile(zramControl + "hot_add") // reading it makes one
	if err != nil {
		return "", nil, fmt.Errorf("empty disk: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return "", nil, fmt.Errorf("empty disk: %w", err)
	}
	path = fmt.Sprintf("/dev/zram%d", n)
	remove = func() error {
		_ = exec.Command("swapoff", path).Run() // what is no swap need not end
		return errors.Join(
			os.WriteFile(fmt.Sprintf("/sys/block/zram%d/reset", n), []byte("1"), 0),
			os.WriteFile(zramControl+"hot_remove", []byte(strconv.Itoa(n)), 0),
		)
	}
	if err := os.WriteFile(fmt.Sprintf("/sys/block/zram%d/disksize", n), []byte(strconv.Itoa(gb<<30)), 0); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return path, remove, nil
}
