package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFiles reports, as an [*Error], the first file named by c that cannot do
// its job: certificate and key must load and belong together, the root must be
// a directory that can be listed, the access log a file that can be appended
// to, and the token's file must hold one.
func (c Config) CheckFiles() error {
	if c.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			key, value := blame(c, err)
			return &Error{key, key, value, fileProblem(err), "PEM files of a certificate and of the private key that belongs to it"}
		}
	}
	if c.Root != "" {
		if err := checkRoot(c.Root); err != nil {
			return &Error{"root", "root", c.Root, fileProblem(err), "a directory that can be read"}
		}
	}
	if c.AccessLog != "off" && c.AccessLogFile != "-" {
		if err := checkAppend(c.AccessLogFile); err != nil {
			const key = "access-log-file"
			return &Error{key, key, c.AccessLogFile, fileProblem(err), "a file that can be written, or one to be made in a directory that is there"}
		}
	}
	_, err := c.AdminToken()
	return err
}

// blame names the knob that an error of loading the pair is about: the key
// where it is the key's file that could not be read, else the certificate.
func blame(c Config, err error) (key, value string) {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) && pathErr.Path == c.Key && c.Key != c.Cert {
		return "key", c.Key
	}
	return "cert", c.Cert
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
// status: 0 with a line on stdout where all is well, 2 with a line on stderr
// where not.
func Check(args, environ []string, stdout, stderr io.Writer) int {
	c, err := Load(args, environ, ReadFile)
	if err == nil {
		err = c.CheckFiles()
	}
	switch {
	case errors.Is(err, ErrHelp):
		err = WriteHelp(stdout)
	case err == nil:
		_, err = fmt.Fprintln(stdout, "configuration is valid")
	}
	if err != nil {
		fmt.Fprintln(stderr, "hotpath: "+err.Error())
		return 2
	}
	return 0
}
