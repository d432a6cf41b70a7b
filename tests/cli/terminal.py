# terminal.py COMMAND...: the command on a terminal, where Ctrl-C is typed once it says
# "ready"; prints what it wrote, and its status.
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while True:
    try:
        got = os.read(fd, 1000)
    except OSError:
        break
    if not got:
        break
    if b"ready" in got:
        os.write(fd, b"\x03")
    text += got
print(text.decode())
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
