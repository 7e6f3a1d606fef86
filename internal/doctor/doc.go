// Package doctor finds what keeps a repository from generating services: versions that do not fit
// together, and common mistakes in the settings of buf.
//
// [Run] is the command doctor. Each check is a row of checks and reports findings with a file, a
// line and what to do. A check reports only what it can see: a repository that it does not
// understand has no findings.
package doctor
