// Package timeline draws a violation as text and as an HTML page.
package timeline
