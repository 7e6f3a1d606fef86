// Program probe checks that an image has what Go programs expect of a file system.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"time"
)

func main() {
	failed := false
	for name, check := range map[string]func() error{
		"a temporary file": temporaryFile, "the user": currentUser, "its home": home, "time zones": timeZones, "TZ": localTime,
		"CA certificates": certificates, "/etc/hosts": hosts, "ports by name": ports, "the host name": hostName, "read-only root": readOnly,
	} {
		if err := check(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func temporaryFile() error {
	f, err := os.CreateTemp("", "upload")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func currentUser() error {
	u, err := user.Current()
	if err == nil && (u.Uid != "65532" || u.Username == "") {
		err = fmt.Errorf("%+v", u)
	}
	return err
}

func home() error {
	dir, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(dir, "probe"), 0o700)
}

func timeZones() error {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	if got := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).In(berlin).Hour(); got != 14 {
		return fmt.Errorf("noon is %d", got)
	}
	return nil
}

func localTime() error {
	if got := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).Local().Hour(); got != 21 {
		return fmt.Errorf("TZ=Asia/Tokyo: noon is %d", got)
	}
	return nil
}

func certificates() error {
	pool, err := x509.SystemCertPool()
	if err == nil && pool.Equal(x509.NewCertPool()) {
		err = errors.New("there are none")
	}
	return err
}

func hosts() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, "neighbour")
	if err == nil && (len(addresses) != 1 || addresses[0] != "127.0.0.2") {
		err = fmt.Errorf("neighbour is %q", addresses)
	}
	return err
}

func ports() error {
	_, err := net.LookupPort("tcp", "https")
	return err
}

func hostName() error {
	_, err := os.Hostname()
	return err
}

func readOnly() error {
	if err := os.WriteFile("/written", nil, 0o600); err == nil {
		return errors.New("it can be written to")
	}
	return nil
}
