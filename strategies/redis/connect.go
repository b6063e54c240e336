package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/internal/openfiles"
)

// Options selects a Redis and sets how to connect to it. The zero value is a server inside this process.
type Options struct {
	// URL is redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:///path/to/socket.
	// Further servers follow as ?addr=host:port&addr=…: seeds of a cluster, or Sentinels where there is a Master.
	// Empty: a server inside this process.
	URL string

	Cluster bool   // the address in URL is a cluster's; detected where the server reports it
	Master  string // name of the master that the Sentinels at URL monitor

	Username, Password                 string // of Redis; they replace those in URL
	SentinelUsername, SentinelPassword string

	CAFile             string // PEM file of trusted authorities, with rediss://; empty: the system's
	ServerName         string // name in the certificate; empty: the host in URL
	InsecureSkipVerify bool   // accepts any certificate

	DialTimeout, ReadTimeout, WriteTimeout time.Duration // 0: that of URL, or DefaultTimeout

	// Prefix, from [NewPrefix], is set where several processes share sessions; empty: a new one. A Guest does not remove the
	// sessions on Close.
	Prefix string
	Guest  bool

	Users int           // concurrent users: the pool has one connection for each, and four more
	TTL   time.Duration // see [WithTTL] and [ListsOptions]
}

// Check returns an error for options that are invalid. It names no user or password.
func (o Options) Check() error {
	if o.URL != "" {
		if _, err := o.universal(); err != nil {
			return err
		}
	}
	if o.Prefix != "" && !drawn(o.Prefix) {
		return fmt.Errorf("prefix %q: want one from NewPrefix", o.Prefix)
	}
	return nil
}

// DefaultTimeout is the default time to wait for a connection, and for a reply.
const DefaultTimeout = 3 * time.Second

// spareConns is the number of connections beyond one per user: for scans, and for operations that are ending.
const spareConns = 4

// spareFiles is the number of open files other than connections.
const spareFiles = 16

// Connect connects to the Redis that o selects and checks that it replies. It opens a connection for every user in advance. No error
// names a user or a password.
func Connect(ctx context.Context, o Options) (*Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	var own *embedded
	if o.URL == "" {
		var err error
		if own, err = startEmbedded(); err != nil {
			return nil, err
		}
		o = Options{
			URL: "redis://" + own.Addr(), Users: o.Users,
			DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		}
	}
	s, err := connect(ctx, o, own != nil)
	if err != nil {
		if own != nil {
			err = errors.Join(err, own.Close())
		}
		return nil, err
	}
	s.embedded = own
	s.closed = sync.OnceValue(s.close)
	return s, nil
}

func connect(ctx context.Context, o Options, own bool) (*Server, error) {
	u, err := o.universal()
	if err != nil {
		return nil, err
	}
	conns := u.PoolSize
	if own {
		conns *= 2 // the server's ends are in this process too
	}
	if err := openfiles.Check(conns + spareFiles); err != nil {
		return nil, fmt.Errorf("%d connections: %w", u.PoolSize, err)
	}
	where := strings.Join(u.Addrs, ",")
	prefix := cmp.Or(o.Prefix, NewPrefix())
	s := &Server{
		space: &space{client: goredis.NewUniversalClient(u), prefix: prefix}, where: where, guest: o.Guest,
		patience: 10 * max(u.DialTimeout, u.ReadTimeout),
	}
	ctx, cancel := context.WithTimeout(ctx, u.DialTimeout+u.ReadTimeout)
	defer cancel()
	if !u.IsClusterMode && u.MasterName == "" && inCluster(ctx, s.client) {
		_ = s.client.Close()
		u.IsClusterMode = true
		s.client = goredis.NewUniversalClient(u)
	}
	if err := s.ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("redis at %s: %w", where, err), s.client.Close())
	}
	s.dial(ctx, u.PoolSize)
	return s, nil
}

// dial waits until the pool has its connections, or ctx is done. Missing ones are opened when needed, as in a cluster, where each
// server has its own pool.
func (s *Server) dial(ctx context.Context, conns int) {
	client, ok := s.client.(*goredis.Client)
	if !ok {
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for int(client.PoolStats().TotalConns) < conns {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// errURL is the error for every invalid URL: it quotes nothing, because any part of the URL may be part of a password.
var errURL = errors.New("invalid redis URL: want redis://[user:password@]host[:port][/database][?addr=host:port], rediss:// or unix:///path, with special characters in user and password percent-encoded")

// universal returns the options of the client.
func (o Options) universal() (*goredis.UniversalOptions, error) {
	parsed, err := url.Parse(o.URL)
	if err != nil {
		return nil, errURL
	}
	query := parsed.Query()
	more := query["addr"]
	query.Del("addr")
	parsed.RawQuery = query.Encode()
	of, err := goredis.ParseURL(parsed.String())
	if err != nil {
		return nil, errURL
	}
	u := &goredis.UniversalOptions{
		Addrs:         append([]string{of.Addr}, more...),
		MasterName:    o.Master,
		IsClusterMode: o.Master == "" && (o.Cluster || len(more) > 0),
		DB:            of.DB,

		Username: of.Username, Password: of.Password,
		SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,

		DialTimeout:  pick(o.DialTimeout, of.DialTimeout, DefaultTimeout),
		ReadTimeout:  pick(o.ReadTimeout, of.ReadTimeout, DefaultTimeout),
		WriteTimeout: pick(o.WriteTimeout, of.WriteTimeout, DefaultTimeout),

		MaxRetries:            -1, // so that the outcome of a write is known in more cases, and a latency is that of one try
		DialerRetries:         1,
		ContextTimeoutEnabled: true,
		Protocol:              2, // no server push to check for before each command
		DisableIdentity:       true,
		PipelinePoolSize:      -1, // pipelines use the connections that were opened in advance
		PoolSize:              o.Users + spareConns,
		MinIdleConns:          o.Users + spareConns,
	}
	u.Username, u.Password = cmp.Or(o.Username, u.Username), cmp.Or(o.Password, u.Password)
	if u.IsClusterMode && u.DB != 0 {
		return nil, fmt.Errorf("redis URL: database %d of a cluster: want 0, the only database of a cluster", u.DB)
	}
	u.TLSConfig, err = o.tls(of.TLSConfig)
	return u, err
}

func pick(durations ...time.Duration) time.Duration {
	return durations[slices.IndexFunc(durations, func(d time.Duration) bool { return d != 0 })]
}

// tls adds the settings of o to the TLS configuration of a rediss:// URL.
func (o Options) tls(config *tls.Config) (*tls.Config, error) {
	if config == nil {
		if o.CAFile != "" || o.ServerName != "" || o.InsecureSkipVerify {
			return nil, errors.New("redis: TLS settings with a URL without TLS: want rediss://")
		}
		return nil, nil
	}
	if o.ServerName != "" {
		config.ServerName = o.ServerName
	}
	config.InsecureSkipVerify = o.InsecureSkipVerify
	if o.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("redis: file of certificate authorities: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("redis: file of certificate authorities %s: no certificate in PEM found", o.CAFile)
	}
	return config, nil
}
