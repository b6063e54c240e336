package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/setting"
)

// Addresses reads the address of a server: HOST:PORT, where HOST is a loopback address or localhost.
func Addresses() setting.Parser[string] {
	return setting.Parser[string]{Kind: "address", Read: func(text string) (string, error) {
		host, port, err := net.SplitHostPort(text)
		if err != nil || !isLoopback(host) {
			return "", errAddress
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", errAddress
		}
		return text, nil
	}}
}

var errAddress = errors.New("want a loopback address with a port: 127.0.0.1:PORT, [::1]:PORT or localhost:PORT, where port 0 is any free one")

// isLoopback reports whether a host is localhost or a loopback address. Another name may be that of a web site whose owner has it resolve to
// this machine, so that the scripts of that site could read what this server serves (DNS rebinding).
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Zone() == "" && a.Unmap().IsLoopback()
}

// listen listens at an address that [Addresses] has read.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(host, "localhost") {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		if host, err = onlyLoopback(found); err != nil {
			return nil, err
		}
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, port))
}

// onlyLoopback returns one of the addresses of localhost, IPv4 if there is one.
func onlyLoopback(found []netip.Addr) (host string, err error) {
	for _, a := range found {
		switch a = a.Unmap(); {
		case !a.IsLoopback():
			return "", fmt.Errorf("localhost is %v here, which is no loopback address", a)
		case host == "" || a.Is4():
			host = a.String()
		}
	}
	if host == "" {
		return "", errors.New("localhost has no address here")
	}
	return host, nil
}
