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

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// checkFiles reports all files named by c that cannot do their job: see
// [LoadChecked]. It leaves out those of the settings in wrong, which name none.
func (c *Config) checkFiles(wrong map[string]bool) Mistakes {
	f := fileCheck{wrong: wrong}
	const directory, authorities = "a directory that can be read", "a PEM file of certificates"
	f.pair(c.at, "", c.Cert, c.Key)
	f.check(c.at, "", "cert-dir", c.CertDir, "a directory with NAME.crt beside NAME.key, or NAME.pem with both in it", func(name string) error {
		return checkCertDir(name, c.aloneInCertDir(wrong))
	})
	f.check(c.at, "", "ticket-keys-file", c.TicketKeysFile, wantTicketKeys, func(name string) error {
		_, err := ReadTicketKeys(name)
		return err
	})
	f.check(c.at, "", "ech-keys-file", c.ECHKeysFile, wantECHKeys, func(name string) error {
		_, err := ReadECHKeys(name)
		return err
	})
	f.check(c.at, "", "acme-storage", c.ACME.Storage, "a directory that can be written, or one to be made in a directory that is there", checkStorage)
	f.check(c.at, "", "acme-ca-file", c.ACME.CAFile, authorities, checkCA)
	f.check(c.at, "", "acme-dns-hook", c.ACME.DNSHook, "a program that can be run", checkProgram)
	f.check(c.at, "", "acme-eab-key-file", c.ACME.EABKeyFile, wantEABKey, func(name string) error {
		_, err := ReadEABKey(name)
		return err
	})
	f.check(c.at, "", "root", c.Root, directory, checkRoot)
	if (c.AccessLog != "off" || wrong["access-log"]) && c.AccessLogFile != "-" {
		f.check(c.at, "", "access-log-file", c.AccessLogFile, "a file that can be written, or one to be made in a directory that is there", checkAppend)
	}
	f.check(c.at, "", "admin-token-file", c.AdminTokenFile, wantToken, func(name string) error {
		_, err := readToken(name)
		return err
	})
	f.check(c.at, "", "capacity-file", c.CapacityFile, wantCapacity, func(name string) error {
		_, err := ReadCapacity(name)
		return err
	})
	for i := range c.Sites {
		yield.InLoop()
		s := &c.Sites[i]
		if s.name == "" {
			continue // the one of root and upstream
		}
		f.pair(s.at, s.name+".", s.Cert, s.Key)
		f.check(s.at, s.name+".", "root", s.Root, directory, checkRoot)
		f.check(s.at, s.name+".", "client-ca", s.ClientCA, authorities, checkCA)
		f.check(s.at, s.name+".", "tls.ca", s.TLS.CA, authorities, checkCA)
		f.checkRules(s)
	}
	return f.mistakes
}

// fileCheck collects the mistakes in files.
type fileCheck struct {
	wrong    map[string]bool
	pages    Pages
	mistakes Mistakes
}

// check has a file checked, if the setting names one; prefix is what the name of a
// site's setting begins with.
func (f *fileCheck) check(at func(key string) string, prefix, key, name, allowed string, check func(name string) error) {
	if name == "" || f.wrong[prefix+key] {
		return
	}
	if err := check(name); err != nil {
		f.mistakes = append(f.mistakes, &Error{at(key), prefix + key, name, fileProblem(err), allowed})
	}
}

// pair checks a certificate and its key, or the one of them that there is: that the
// other is missing is known.
func (f *fileCheck) pair(at func(key string) string, prefix, cert, key string) {
	if cert == "" && key == "" {
		return
	}
	_, all := loadPair(cert, key)
	for _, e := range all {
		if e.Value != "" && !f.wrong[prefix+e.Key] {
			f.mistakes = append(f.mistakes, &Error{at(e.Key), prefix + e.Key, e.Value, e.Problem, e.Allowed})
		}
	}
}

// aloneInCertDir reports whether all certificates are in cert-dir.
func (c *Config) aloneInCertDir(wrong map[string]bool) bool {
	elsewhere := func(s Site) bool { return s.Cert != "" || wrong[s.name+".cert"] || wrong[s.name] }
	return c.Cert == "" && !wrong["cert"] && !wrong[sitesKey] && !slices.ContainsFunc(c.Sites, elsewhere)
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
// and well; further ones are of package main, which sees more in valid settings.
func Check(args, environ []string, stdout, stderr io.Writer, further ...func(Config) *Error) int {
	l, err := load(args, environ, ReadFile)
	if errors.Is(err, ErrHelp) {
		if err := WriteHelp(stdout); err != nil {
			return 1
		}
		return 0
	}
	warn := func(all ...*Error) {
		for _, w := range all {
			fmt.Fprintln(stderr, "hotpath: warning:", w)
		}
	}
	warn(l.c.warnings(l.wrong)...)
	c, err := l.checked()
	if err == nil {
		for _, of := range further {
			if w := of(c); w != nil {
				warn(w)
			}
		}
		c.warn(stderr)
		_, err = fmt.Fprintln(stdout, "configuration is valid")
	}
	if err != nil {
		WriteError(stderr, err)
		return 2
	}
	return 0
}
