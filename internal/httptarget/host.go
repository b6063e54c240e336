package httptarget

import (
	"fmt"
	"net"
	"slices"
)

// CheckHost returns an error if requests may not go to a host: it is neither this machine nor in the list of --allow-remote.
func CheckHost(host string, allowRemote []string) error {
	if isLocal(host) || slices.Contains(allowRemote, host) {
		return nil
	}
	return fmt.Errorf("%q is not this machine: allow it with --allow-remote %[1]s", host)
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// RemoteHosts returns the hosts of the service that are not this machine.
func (m *Mapping) RemoteHosts() (hosts []string) {
	for _, base := range m.Bases {
		if host := base.Hostname(); !isLocal(host) && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
