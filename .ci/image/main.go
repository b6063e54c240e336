// Image writes a container image of the program as an OCI layout, without a daemon: https://github.com/opencontainers/image-spec. The
// base is empty; the image holds the program and /tmp, and runs it as a user without rights.
//
//	go run -modfile=.ci/tools.mod ./.ci/image -o DIRECTORY -version 0.1.0 -created 2026-01-02T15:04:05Z amd64=PROGRAM arm64=PROGRAM
//
// The same arguments give the same digests.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run() error {
	out := flag.String("o", "", "directory of the layout, which must not exist")
	version := flag.String("version", "", "version of the program")
	created := flag.String("created", "", "time of the commit, RFC 3339")
	flag.Parse()
	at, err := time.Parse(time.RFC3339, *created)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(*out); *out == "" || !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("-o %q: want a directory that does not exist", *out)
	}
	index := mutate.IndexMediaType(v1.ImageIndex(empty.Index), types.OCIImageIndex)
	for _, arg := range flag.Args() {
		arch, program, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q: want ARCHITECTURE=PROGRAM", arg)
		}
		platform := v1.Platform{OS: "linux", Architecture: arch}
		image, err := imageOf(program, *version, platform, at.UTC())
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	_, err = layout.Write(*out, index)
	return err
}

// unprivileged is the user and the group that the program runs as, by number, since the image has no user database.
const unprivileged = "65532:65532"

func imageOf(program, version string, platform v1.Platform, created time.Time) (v1.Image, error) {
	files, err := archive(program, created)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: created}, CreatedBy: "sessbench"}}); err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = platform.OS, platform.Architecture, v1.Time{Time: created}
	file.Config = v1.Config{
		User: unprivileged, Entrypoint: []string{"/sessbench"}, WorkingDir: "/tmp",
		Labels: map[string]string{
			"org.opencontainers.image.title":    "sessbench",
			"org.opencontainers.image.version":  version,
			"org.opencontainers.image.source":   "https://github.com/sessbench/sessbench",
			"org.opencontainers.image.licenses": "MIT",
		},
	}
	return mutate.ConfigFile(image, file)
}

// archive returns the files of the image.
func archive(program string, at time.Time) ([]byte, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		tar.Header
		content []byte
	}{
		{tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil},
		{tar.Header{Typeflag: tar.TypeReg, Name: "sessbench", Mode: 0o755, Size: int64(len(content))}, content},
	} {
		f.ModTime = at
		if err := w.WriteHeader(&f.Header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
