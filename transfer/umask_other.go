//go:build !unix

package transfer

const umask = 0
