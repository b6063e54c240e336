package live

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, legal := range []string{"127.0.0.1:0", "127.8.9.1:80", "[::1]:65535", "localhost:0", "LocalHost:8080", "[::ffff:127.0.0.1]:1"} {
		if got, err := Addresses().Read(legal); err != nil || got != legal {
			t.Errorf("%s: %q, %v", legal, got, err)
		}
	}
	for why, text := range map[string]string{
		"all addresses": ":8080", "all of IPv4": "0.0.0.0:8080", "all of IPv6": "[::]:8080", "another machine": "192.0.2.1:80", "no port": "127.0.0.1",
		"no port, IPv6": "::1", "another name": "example.com:80", "a name below localhost": "a.localhost:80", "a name of a port": "127.0.0.1:http",
		"a large port": "127.0.0.1:65536", "a negative port": "127.0.0.1:-1", "an empty port": "127.0.0.1:", "a zone": "[::1%lo]:80", "a URL": "http://127.0.0.1:80", "nothing": "",
	} {
		if _, err := Addresses().Read(text); err != errAddress {
			t.Errorf("%s, %q: error %v", why, text, err)
		}
	}
}

// A resolver that has localhost be another machine is not believed.
func TestOnlyLoopback(t *testing.T) {
	four, six, other := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback(), netip.MustParseAddr("192.0.2.1")
	for _, tc := range []struct {
		found []netip.Addr
		want  string
	}{
		{[]netip.Addr{six, four}, "127.0.0.1"},
		{[]netip.Addr{six}, "::1"},
		{[]netip.Addr{four, other}, ""},
		{[]netip.Addr{other}, ""},
		{nil, ""},
	} {
		if got, err := onlyLoopback(tc.found); err == nil != (tc.want != "") || err == nil && got != tc.want {
			t.Errorf("%v: %q, error %v", tc.found, got, err)
		}
	}
}

func TestListenAtLocalhost(t *testing.T) {
	l, err := listen(t.Context(), "localhost:0")
	if err != nil {
		t.Skip("localhost has no address here:", err)
	}
	defer l.Close()
	if a := netip.MustParseAddrPort(l.Addr().String()); !a.Addr().IsLoopback() || a.Port() == 0 {
		t.Error(a)
	}
}
