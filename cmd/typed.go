package cmd

import (
	"regexp"
	"strings"
)

// hidden stands for a secret in whatever is printed or kept.
const hidden = "***"

// login is the part of a URL that may hold a password.
var login = regexp.MustCompile(`(://)[^/\s]*@`)

// typed is the command line as a shell would take it, without passwords.
func (a *app) typed() string {
	words := []string{"sessbench"}
	secret := false // the value of a flag before it
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

// withoutLogin is a text without the users and passwords in its URLs.
func withoutLogin(text string) string { return login.ReplaceAllString(text, "${1}"+hidden+"@") }

// isSecret reports whether a flag's value is a secret.
func isSecret(flag string) bool {
	return strings.HasPrefix(flag, "--") && strings.HasSuffix(flag, "-password")
}
