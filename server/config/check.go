package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// CheckFiles reports, as [Mistakes], all files named by c that cannot do their
// job: certificates and keys must load and belong together, but for single ones
// of cert-dir, a root must be a directory that can be listed, the access log a file that can be appended to,
// and the token's file must hold one.
func (c Config) CheckFiles() error {
	var all Mistakes
	fail := func(where, key, value string, err error, allowed string) {
		all = append(all, &Error{where, key, value, fileProblem(err), allowed})
	}
	pair := func(at func(string) string, prefix, cert, key string) {
		if _, err := LoadPair(cert, key); err != nil {
			e := *err
			e.Where, e.Key = at(e.Key), prefix+e.Key
			all = append(all, &e)
		}
	}
	const directory = "a directory that can be read"
	if c.Cert != "" {
		pair(c.at, "", c.Cert, c.Key)
	}
	if c.CertDir != "" {
		alone := c.Cert == "" && !slices.ContainsFunc(c.Sites, func(s Site) bool { return s.Cert != "" })
		if err := checkCertDir(c.CertDir, alone); err != nil {
			const key = "cert-dir"
			fail(c.at(key), key, c.CertDir, err, "a directory with NAME.crt beside NAME.key, or NAME.pem with both in it")
		}
	}
	if c.TicketKeysFile != "" {
		if _, err := ReadTicketKeys(c.TicketKeysFile); err != nil {
			const key = "ticket-keys-file"
			fail(c.at(key), key, c.TicketKeysFile, err, wantTicketKeys)
		}
	}
	if c.ECHKeysFile != "" {
		if _, err := ReadECHKeys(c.ECHKeysFile); err != nil {
			const key = "ech-keys-file"
			fail(c.at(key), key, c.ECHKeysFile, err, wantECHKeys)
		}
	}
	if c.Root != "" {
		if err := checkRoot(c.Root); err != nil {
			fail(c.at("root"), "root", c.Root, err, directory)
		}
	}
	if c.AccessLog != "off" && c.AccessLogFile != "-" {
		if err := checkAppend(c.AccessLogFile); err != nil {
			const key = "access-log-file"
			fail(c.at(key), key, c.AccessLogFile, err, "a file that can be written, or one to be made in a directory that is there")
		}
	}
	if _, err := c.AdminToken(); err != nil {
		if e := new(Error); errors.As(err, &e) {
			all = append(all, e)
		}
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		if s.name == "" {
			continue // the knobs' own
		}
		if s.Cert != "" {
			pair(s.at, s.name+".", s.Cert, s.Key)
		}
		if s.Root != "" {
			if err := checkRoot(s.Root); err != nil {
				fail(s.at("root"), s.name+".root", s.Root, err, directory)
			}
		}
		if s.ClientCA != "" {
			if err := checkCA(s.ClientCA); err != nil {
				fail(s.at("client-ca"), s.name+".client-ca", s.ClientCA, err, "a PEM file of certificates")
			}
		}
		if s.TLS.CA != "" {
			if err := checkCA(s.TLS.CA); err != nil {
				fail(s.at("tls.ca"), s.name+".tls.ca", s.TLS.CA, err, "a PEM file of certificates")
			}
		}
	}
	return all.orNil()
}

// checkCA reports what keeps the certificates of a file from being trusted.
func checkCA(name string) error {
	text, err := ReadRegular(name)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
		err = errors.New("has no certificate in PEM form")
	}
	return err
}

func checkRoot(name string) error {
	// Looked at first: to open a named pipe would wait for its other end.
	if info, err := os.Stat(name); err != nil {
		return err
	} else if !info.IsDir() {
		return errors.New("is not a directory")
	}
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := dir.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// checkAppend reports what keeps a file from being appended to. It makes none,
// and opens no pipe, which would wait for a reader.
func checkAppend(name string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = os.Stat(filepath.Dir(name))
		return err
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// Check is the subcommand check: it loads the settings as the server would and
// checks the files that they name, without a listener. It returns the exit
// status: 0 with a line on stdout if all is well, 2 with a line on stderr for
// each mistake if not. What is valid and yet looks wrong is a warning on stderr,
// and well.
func Check(args, environ []string, stdout, stderr io.Writer) int {
	c, err := Load(args, environ, ReadFile)
	if errors.Is(err, ErrHelp) {
		if err := WriteHelp(stdout); err != nil {
			return 1
		}
		return 0
	}
	if err == nil {
		for _, w := range c.Warnings() {
			fmt.Fprintln(stderr, "hotpath: warning:", w)
		}
		err = c.CheckFiles()
	}
	if err == nil {
		c.warn(stderr)
		_, err = fmt.Fprintln(stdout, "configuration is valid")
	}
	if err != nil {
		WriteError(stderr, err)
		return 2
	}
	return 0
}
