"""A cell that runs on the wall clock, in processes that can be killed one by one.

``plant`` is the robot and its controller (here simulated), ``watchdog`` stops it when the control
loop falls silent, ``cell`` is the loop's end of both, and ``host`` and ``remote`` are the two ends
of the line to a brain. What crosses a line is described by ``message`` and carried by ``link``.
"""

__all__: list[str] = []
