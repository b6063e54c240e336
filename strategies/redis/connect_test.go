package redis

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	goredis "github.com/redis/go-redis/v9"
)

const secret = "s3cret"

func TestConnectToAnEmbeddedServer(t *testing.T) {
	s, err := Connect(background, Options{Users: 3})
	if err != nil {
		t.Fatal(err)
	}
	if s.embedded == nil || !strings.HasPrefix(s.Prefix(), "sessbench:") {
		t.Errorf("embedded %v, prefix %s", s.embedded != nil, s.Prefix())
	}
	if n := s.Client().PoolStats().TotalConns; n != 3+spareConns {
		t.Errorf("%d connections dialled, want one a user and %d", n, spareConns)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNoErrorNamesAPassword(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("me", "other")
	for _, url := range []string{
		"redis://me:" + secret + "@127.0.0.1:1",
		"redis://:" + secret + "@127.0.0.1:1/0",
		"redis://me:" + secret + "@" + server.Addr(),
		"redis://me:12/" + secret + "@host:6379",
		"redis://me:" + secret + "%zz@host",
		"redis://me:" + secret + "@host:port",
		"redis://me:" + secret + "@host/database",
		"redis://me:" + secret + "@host?unknown=" + secret,
		"redis://me:" + secret + "@host/1?addr=other:1",
		"http://me:" + secret + "@host",
		"rediss://me:" + secret + "@127.0.0.1:1",
		"unix://me:" + secret + "@" + filepath.Join(t.TempDir(), "none"),
	} {
		ctx, cancel := context.WithTimeout(background, 5*time.Second)
		_, err := Connect(ctx, Options{URL: url, DialTimeout: time.Second, ReadTimeout: time.Second, SentinelPassword: secret})
		cancel()
		if err == nil {
			t.Errorf("%s: connected", url)
			continue
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "me:") {
			t.Errorf("%s: the error names the password or the user: %v", url, err)
		}
	}
}

func TestConnectWithAPassword(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("me", secret)
	for _, o := range []Options{
		{URL: "redis://me:" + secret + "@" + server.Addr()},
		{URL: "redis://" + server.Addr(), Username: "me", Password: secret},
		{URL: "redis://you:wrong@" + server.Addr(), Username: "me", Password: secret},
	} {
		s, err := Connect(background, o)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != server.Addr() || s.embedded != nil {
			t.Errorf("server %s, embedded %v: want %s", s, s.embedded != nil, server.Addr())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Whatever the options are, a write must not be sent twice by a client of one server.
func TestClientOptions(t *testing.T) {
	tests := []struct {
		why    string
		o      Options
		change func(*goredis.UniversalOptions)
	}{
		{"an address", Options{URL: "redis://h:1"}, func(u *goredis.UniversalOptions) { u.Addrs = []string{"h:1"} }},
		{"settings in the URL", Options{URL: "redis://u:p@h:1/2?read_timeout=9s&max_retries=7&pool_size=1"}, func(u *goredis.UniversalOptions) {
			u.Addrs, u.DB, u.Username, u.Password, u.ReadTimeout = []string{"h:1"}, 2, "u", "p", 9*time.Second
		}},
		{"settings beside the URL", Options{URL: "redis://u:p@h:1?read_timeout=9s", ReadTimeout: time.Second, Password: "q", Users: 96},
			func(u *goredis.UniversalOptions) {
				u.Addrs, u.Username, u.Password = []string{"h:1"}, "u", "q"
				u.ReadTimeout, u.PoolSize, u.MinIdleConns = time.Second, 100, 100
			}},
		{"several addresses are a cluster's", Options{URL: "redis://a:1?addr=b:2&addr=c:3"}, func(u *goredis.UniversalOptions) {
			u.Addrs, u.IsClusterMode = []string{"a:1", "b:2", "c:3"}, true
		}},
		{"one address of a cluster", Options{URL: "redis://a:1", Cluster: true}, func(u *goredis.UniversalOptions) {
			u.Addrs, u.IsClusterMode = []string{"a:1"}, true
		}},
		{"Sentinels", Options{URL: "redis://u:p@a:1?addr=b:2", Master: "m", SentinelUsername: "v", SentinelPassword: "q"},
			func(u *goredis.UniversalOptions) {
				u.Addrs, u.MasterName = []string{"a:1", "b:2"}, "m"
				u.Username, u.Password, u.SentinelUsername, u.SentinelPassword = "u", "p", "v", "q"
			}},
		{"a socket", Options{URL: "unix:///run/redis.sock?db=3"}, func(u *goredis.UniversalOptions) {
			u.Addrs, u.DB = []string{"/run/redis.sock"}, 3
		}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			want := &goredis.UniversalOptions{
				DialTimeout: DefaultTimeout, ReadTimeout: DefaultTimeout, WriteTimeout: DefaultTimeout,
				MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true,
				PipelinePoolSize: -1, PoolSize: spareConns, MinIdleConns: spareConns,
			}
			test.change(want)
			got, err := test.o.universal()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(goredis.UniversalOptions{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConnectWithTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // has a certificate
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := miniredis.RunTLS(&tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, test := range []struct {
		why string
		o   Options
		ok  bool
	}{
		{"an authority that is trusted", Options{CAFile: ca}, true},
		{"a name that the certificate has", Options{CAFile: ca, ServerName: "example.com"}, true},
		{"no authority", Options{}, false},
		{"another name", Options{CAFile: ca, ServerName: "example.org"}, false},
		{"no matter what", Options{InsecureSkipVerify: true}, true},
	} {
		t.Run(test.why, func(t *testing.T) {
			test.o.URL = "rediss://" + server.Addr()
			s, err := Connect(background, test.o)
			if (err == nil) != test.ok {
				t.Errorf("connected: %v, want %v", err, test.ok)
			}
			if err == nil {
				err = s.Close()
			}
			if err != nil && test.ok {
				t.Error(err)
			}
		})
	}
}

func TestTLSOptions(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := Options{URL: "rediss://h:1", ServerName: "other", InsecureSkipVerify: true}.universal()
	if err != nil || u.TLSConfig == nil || u.TLSConfig.ServerName != "other" || !u.TLSConfig.InsecureSkipVerify {
		t.Errorf("%+v, %v", u.TLSConfig, err)
	}
	if u, err = (Options{URL: "rediss://h:1"}).universal(); err != nil || u.TLSConfig == nil || u.TLSConfig.InsecureSkipVerify {
		t.Errorf("%+v, %v: want TLS that verifies", u.TLSConfig, err)
	}
	for o, want := range map[Options]string{
		{URL: "redis://h:1", CAFile: empty}:                           "want rediss://",
		{URL: "redis://h:1", InsecureSkipVerify: true}:                "want rediss://",
		{URL: "rediss://h:1", CAFile: empty}:                          "no certificate",
		{URL: "rediss://h:1", CAFile: filepath.Join(dir, "none.pem")}: "none.pem",
		{URL: "redis://h:1/1", Cluster: true}:                         "database 1",
	} {
		if _, err := o.universal(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one that says %q", o, err, want)
		}
	}
}
