"""When a process of the web server or of a worker looks for garbage that refers to itself."""

import gc

#: Objects that came and did not go, between two looks at them; Python's own is 2,000.
NEW_OBJECTS = 50_000
#: After so many looks at the new ones those that were left over are looked at too, and after so many of those all.
#: Sockets leave garbage: with Python's own 10 the fuzz test had 43 MB of it after 480,000 cases, and more with each;
#: with 5 it has some 25.
OLDER = 5


def look_less_often() -> None:
    """To be called once everything is loaded: what is there now stays for good and is not looked at again.

    Python looks at everything there is whenever a fourth has been added, some 0.3 s each time in which no socket is
    served: when thousands come back at once, and thousands of rows are read for them, a third of the CPU went there.
    Now it is 5 % (8 with a look every 10,000 objects), and a process with 2,500 sockets is no larger (205 MB). Of a
    worker's CPU in a round of ETAs it was 6 %.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, OLDER, OLDER)
