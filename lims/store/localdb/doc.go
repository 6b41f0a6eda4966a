// Package localdb runs the private PostgreSQL of a laboratory that names no database of its own: a cluster in one folder,
// reached only through a unix socket, started, watched and stopped by this program.
//
// It never downloads anything, never listens on a port, never changes or deletes a data folder that it did not finish making
// itself in the same start, and never touches one of another major version. It needs the server programs of PostgreSQL 14 or
// newer on the machine.
//
// What a folder holds:
//
//	DIR/data             the cluster; made under another name and renamed when whole
//	DIR/run              the socket, in a folder that is closed to others; a longer path than 107 bytes moves to the temporary folder
//	DIR/postgres.log     what the server says; the one before is kept as postgres.log.1
//	DIR/supervisor.lock  held by the program that runs the cluster; holds its process number
//
// Rules, each learnt from a failure and held by a test:
//
//   - One supervisor for one folder (flock). The refusal names the process that holds it.
//   - A killed supervisor takes PostgreSQL with it (Linux: Pdeathsig, which belongs to the thread that forked, so that thread is kept).
//     Elsewhere the orphan is found through postmaster.pid and stopped at the next start.
//   - PostgreSQL trusts any process with the number in postmaster.pid, even a zombie or a stranger, and would refuse to start for ever.
//     We hold the lock, so we know better: the number is replaced, but the file is kept, because through it PostgreSQL still
//     checks for backends that outlived their postmaster.
//   - initdb outlives its parent and goes on writing; hence the other name, the rename, and Pdeathsig on initdb as well.
//   - PostgreSQL refuses to run as root: it runs as the owner of the data that is there, else as postgres, else as nobody.
//   - A killed postmaster is started again under the same socket; when that fails repeatedly, Done is closed.
package localdb
