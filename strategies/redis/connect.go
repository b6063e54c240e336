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

// Options says which Redis to use, and how. The zero value is a server inside this process.
type Options struct {
	// URL is redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:///path/to/socket.
	// Further servers follow as ?addr=host:port&addr=…: seeds of a cluster, or Sentinels where there is a Master.
	// Empty: a server inside this process.
	URL string

	Cluster bool   // the one address in URL is a cluster's; found out by asking where the server can be asked
	Master  string // the name of the master that the Sentinels at URL watch over

	Username, Password                 string // of Redis; they take the place of those in URL
	SentinelUsername, SentinelPassword string

	CAFile             string // PEM file of the authorities to trust beside rediss://; empty: the system's
	ServerName         string // that the certificate must have; empty: the host in URL
	InsecureSkipVerify bool   // takes any certificate

	DialTimeout, ReadTimeout, WriteTimeout time.Duration // 0: DefaultTimeout, or what URL says

	// Prefix, drawn by [NewPrefix], is for several processes that share sessions; empty: one of its own. A Guest leaves the
	// sessions to somebody else to clean up.
	Prefix string
	Guest  bool

	Users int           // how many use it at once: the pool has a connection for each, and four more
	TTL   time.Duration // see [WithTTL] and [ListsTTL]
}

// Check reports what of the options nobody could connect with. It names no user or password.
func (o Options) Check() error {
	if o.URL != "" {
		if _, err := o.universal(); err != nil {
			return err
		}
	}
	if o.Prefix != "" && !drawn.MatchString(o.Prefix) {
		return fmt.Errorf("prefix %q: want one that NewPrefix has drawn", o.Prefix)
	}
	return nil
}

// DefaultTimeout is how long to wait for a connection, and for an answer on it.
const DefaultTimeout = 3 * time.Second

// spareConns is how many connections there are beyond one a user: for scans, and for the end of what is being done.
const spareConns = 4

// spareFiles is how many files are open besides the connections.
const spareFiles = 16

// Connect connects to the Redis that o names, and makes sure that it answers; it dials a connection for every user
// beforehand. No error names a user or a password.
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
		conns *= 2 // the other ends are here, too
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

// dial waits until the pool has its connections, or ctx ends. What is missing then is dialled when it is needed, as it
// is in a cluster, where each server has a pool of its own.
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

// errURL is the only thing that is said about a URL that cannot be read: any part of it may be part of a password.
var errURL = errors.New("redis URL cannot be read: want redis://[user:password@]host[:port][/database][?addr=host:port], rediss:// or unix:///path, with special characters in user and password percent-encoded")

// universal is what the client is made with.
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

		MaxRetries:            -1, // so that a write's outcome is known in more cases, and a latency is that of one try
		DialerRetries:         1,
		ContextTimeoutEnabled: true,
		Protocol:              2, // no server push to look for before each command
		DisableIdentity:       true,
		PipelinePoolSize:      -1, // pipelines use the connections that were dialled beforehand
		PoolSize:              o.Users + spareConns,
		MinIdleConns:          o.Users + spareConns,
	}
	u.Username, u.Password = cmp.Or(o.Username, u.Username), cmp.Or(o.Password, u.Password)
	if u.IsClusterMode && u.DB != 0 {
		return nil, fmt.Errorf("redis URL: database %d of a cluster: want 0, a cluster has no other", u.DB)
	}
	u.TLSConfig, err = o.tls(of.TLSConfig)
	return u, err
}

func pick(durations ...time.Duration) time.Duration {
	return durations[slices.IndexFunc(durations, func(d time.Duration) bool { return d != 0 })]
}

// tls is the TLS configuration of a rediss:// URL with what is said about it in o.
func (o Options) tls(config *tls.Config) (*tls.Config, error) {
	if config == nil {
		if o.CAFile != "" || o.ServerName != "" || o.InsecureSkipVerify {
			return nil, errors.New("redis: settings for TLS, and a URL without: want rediss://")
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
