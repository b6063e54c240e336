package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/httptarget"
	"github.com/sessbench/sessbench/internal/outfile"
)

// targetInitOptions are the options of `target init`.
type targetInitOptions struct {
	*app
	OpenAPI     string
	Out         string
	AllowRemote []string
}

func newTargetInitCmd(a *app) *cobra.Command {
	o := &targetInitOptions{app: a}
	c := &cobra.Command{
		Use:   "init --openapi URL|FILE [flags]",
		Short: "Draft a mapping file from an OpenAPI document",
		Long: `Init reads an OpenAPI document of version 3.0 or 3.1 and writes a draft of a mapping file. Methods, paths and names decide which
requests create, change and delete a session. What the document does not say is marked with "decide:". FastAPI serves such a document at
/openapi.json.`,
		Example: `  sessbench target init --openapi http://127.0.0.1:8000/openapi.json
  sessbench target init --openapi openapi.json -o chat.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if err := noArgs(c, args); err != nil {
				return err
			}
			return o.settle(c)
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	flags := newFlagGroup("Flags")
	flags.StringVar(&o.OpenAPI, "openapi", "", "OpenAPI document, `URL|FILE`")
	flags.StringVarP(&o.Out, "out", "o", "", "new `FILE` for the mapping (default stdout)")
	flags.StringSliceVar(&o.AllowRemote, "allow-remote", nil, "`HOSTS` beside this machine from which the document may be read")
	addGroups(c, flags)
	return c
}

func (o *targetInitOptions) settle(c *cobra.Command) error {
	if o.OpenAPI == "" {
		return usagef("%sno document: want --openapi URL|FILE", where(c))
	}
	if o.Out == "" {
		return nil
	}
	if _, err := os.Lstat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		return usagef("--out %s: exists already: want a new file", quoted(o.Out))
	}
	if err := outfile.Check(o.Out); err != nil {
		return usagef("--out %s: %w", quoted(o.Out), err)
	}
	return nil
}

func (o *targetInitOptions) run(ctx context.Context) error {
	if err := o.commit(); err != nil {
		return err
	}
	document, from, err := o.read(ctx)
	if err != nil {
		return err
	}
	draft, err := httptarget.Draft(document, from)
	if err != nil {
		return usagef("--openapi %s: %w", quoted(o.OpenAPI), err)
	}
	write := func(w io.Writer) error {
		_, err := w.Write(draft)
		return err
	}
	if o.Out == "" {
		return o.unstuck(write, o.toStdout)
	}
	return outfile.Write(o.Out, write)
}

const mostOpenAPI = 16 << 20

// read returns the document, and its address unless it is a file.
func (o *targetInitOptions) read(ctx context.Context) (document []byte, from *url.URL, err error) {
	if !strings.HasPrefix(o.OpenAPI, "http://") && !strings.HasPrefix(o.OpenAPI, "https://") {
		document, err = unblocked(ctx, func() ([]byte, error) { return os.ReadFile(o.OpenAPI) })
		if err != nil && ctx.Err() == nil {
			err = usagef("--openapi %s: %w", quoted(o.OpenAPI), plainPath(o.OpenAPI, err))
		}
		return document, nil, err
	}
	if from, err = url.Parse(o.OpenAPI); err != nil {
		return nil, nil, usagef("--openapi: %w", err)
	}
	if err := o.allowed(from); err != nil {
		return nil, nil, err
	}
	document, err = o.get(ctx, from)
	if err != nil {
		return nil, nil, fmt.Errorf("--openapi %s: %w", quoted(o.OpenAPI), err)
	}
	return document, from, nil
}

// allowed rejects other machines, unless --allow-remote names the host.
func (o *targetInitOptions) allowed(u *url.URL) error {
	if err := httptarget.CheckHost(u.Hostname(), o.AllowRemote); err != nil {
		return usagef("--openapi %s: %w", quoted(o.OpenAPI), err)
	}
	return nil
}

func (o *targetInitOptions) get(ctx context.Context, u *url.URL) ([]byte, error) {
	client := &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error { return o.allowed(r.URL) },
	}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostOpenAPI+1))
	if err == nil && len(body) > mostOpenAPI {
		err = fmt.Errorf("more than %d bytes", mostOpenAPI)
	}
	return body, err
}
