//go:build linux

package main

import (
	"crypto/rand"
	"os"
	"path/filepath"

	"github.com/e0ac7cd4/hotpath/internal/localcert"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// body is one of the files that every server serves.
type body struct {
	name string // in row names and tables
	size int64  // bytes
}

// file is the body's name in the directory.
func (b body) file() string { return b.name + ".bin" }

var bodies = []body{
	{"128B", 128},
	{"1KiB", 1 << 10},
	{"16KiB", 16 << 10},
	{"1MiB", 1 << 20},
}

// site is what all servers share: the directory, the certificate, a place for
// their files.
type site struct {
	dir       string // of everything below
	root      string // served
	cert, key string // PEM files
	upstream  string // address of the server that has the same files, for proxies
}

// served is what configurations have of it.
func (s *site) served() servers.Site { return servers.Site{Cert: s.cert, Key: s.key, Root: s.root} }

// newSite makes a site under dir, with bodies of random bytes so that nothing
// can be compressed.
func newSite(dir string) (*site, error) {
	s := &site{dir: dir, root: filepath.Join(dir, "root"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	// A server that gives up root must still be able to read.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		return nil, err
	}
	for _, b := range bodies {
		data := make([]byte, b.size)
		rand.Read(data)
		if err := os.WriteFile(filepath.Join(s.root, b.file()), data, 0o644); err != nil {
			return nil, err
		}
	}
	return s, localcert.Write(s.cert, s.key)
}
