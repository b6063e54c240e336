package cmd

import (
	"regexp"
	"strings"
)

// hidden replaces a secret in output and documents.
const hidden = "***"

// login is the part of a URL that may hold a password.
var login = regexp.MustCompile(`(://)[^/\s]*@`)

// typed is the command line in shell quotes, without passwords.
func (a *app) typed() string {
	words := []string{"sessbench"}
	secret := false // the argument is the value of the secret flag before it
	for _, arg := range a.args {
		flag, _, joined := strings.Cut(arg, "=")
		switch {
		case secret:
			arg = hidden
		case joined && isSecret(flag):
			arg = flag + "=" + hidden
		default:
			arg = withoutLogin(arg)
		}
		secret = !joined && isSecret(flag)
		words = append(words, quoted(arg))
	}
	return strings.Join(words, " ")
}

// withoutLogin hides user names and passwords in URLs.
func withoutLogin(text string) string { return login.ReplaceAllString(text, "${1}"+hidden+"@") }

// isSecret reports whether a flag's value is a secret.
func isSecret(flag string) bool {
	return strings.HasPrefix(flag, "--") && strings.HasSuffix(flag, "-password")
}
