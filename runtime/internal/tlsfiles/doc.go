// Package tlsfiles provides the TLS credentials of servers and clients whose certificate and CAs
// are in files that may change while the program runs.
//
// Each handshake uses the files as they are then; connections that exist continue. Files that
// cannot be used leave the previous ones in use, with a log record for each different reason.
package tlsfiles
