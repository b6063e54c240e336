// Package browsertest drives pages of package reports in Chromium. It has only tests: nothing imports it.
package browsertest
