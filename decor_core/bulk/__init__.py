"""Very many pictures: listed, labeled or embedded one after the other, and written as they come.

``sources`` lists pictures of files, folders, archives and URLs and reads their bytes; ``answers``
makes a row of one picture's bytes, without any I/O; ``output`` keeps rows so that an interrupted
run can go on, in the formats of ``writers``; ``local`` is the engine on this machine. Another
engine needs ``sources`` and ``answers`` where it computes, and ``output`` where rows arrive.
"""
