"""What readers of other processes see while something breaks: `python -m bench.consistency --fault NAME|all --reads N`.

Writers book and cancel over HTTP through one server process; readers, in processes of their own, read through others. A read is
wrong exactly if it offers a start whose booking was acknowledged before the read was sent, and no cancel of it was sent before
the read's answer came. A wrong VERIFIED read is a violation. A wrong CACHED read is staleness:

The staleness of a CACHED read is the time from the acknowledgement of the oldest booking that it does not know of to its
sending; a right read's is 0. Its p50 and p99 are told twice: of all CACHED reads, and of the wrong ones alone, which no number
of right ones makes smaller. Nobody reads the stylists of CACHED readers in the VERIFIED way, which would refresh the entries.

A stopped process hears nothing, so a CACHED read that waited for it to wake is told apart: by its staleness, and by how long
after the waking it was answered, which is all that the process can be blamed for.
"""
