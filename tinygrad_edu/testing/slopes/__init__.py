"""Slopes of functions by numbers alone, with error bars, and what they say of an analytic derivative.

The words for what rounding does, each with one meaning:

afar      the largest rise of the function over any step, divided by the step
bend      half a second difference of the function over a step so short that nothing smooth bends there
blur      rounding error of the complex step's slope
grain     unevenness of a derivative nearby: how far values at equal steps are from any cubic
haze      rounding error of an analytic derivative, seen when its inputs move by a few units in the last place
lattice   the coarsest numbers m * 2**k on which all values of a function lie; `spacing` is the distance of its points
length    the widest step over which the slope stays about the same: the function's own length scale
natural   the size that a slope has here, |f| / |x|, or as large as a rise that is seen nearby
noise     what rounding may do to a value of the function; over a step h it makes an error of noise / h of a slope
quantum   the height of the steps in which a function moves, where it looks smooth from afar and flat from near
scale     the natural size of a step in an entry: its own size, or that of its array if it is 0
sharp     of a function: steps of some 1e-8 of the inputs are wide for it, as those beside a pole are
"""
