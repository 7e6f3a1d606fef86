// Package frameworks has the code of docs/moving.md for services of kratos and go-zero: before
// they move, while both run, and after. Its tests check that the page shows it, and run it.
package frameworks
