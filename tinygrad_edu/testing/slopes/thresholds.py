"""The numbers that tell noise from slopes, each with its reason; they were tuned on the corpus."""

TINY = 1e-300  # what is smaller cannot be divided by without overflow
COMPLEX_STEP = 1e-20  # of the scale: so small that its square is lost beside 1, and far from underflow
GOAL = 1e-7  # a relative error at which the search for a sharper slope ends: seven digits leave no doubt of a mistake
FAR = 1e3  # error bars: a difference so large is no matter of the estimate of an error
SAFETY = 4  # estimates of an error are off by less than this, but for one in some thousands
SPREAD = 3  # standard deviations: noise of several outputs adds up like that of independent numbers
CERTAIN = 10  # times the noise: a move so large is no accident
STEADY = 0.02  # a move that changes by less over a step a hundred times smaller does not shrink: a jump
BENT = 0.25  # slopes that differ by more are not those of one straight line
DOUBLING = 1.9  # slopes that grow so at each tenth of a step have no limit; those of sqrt at 0 grow by 3.2
UNRELATED = 0.9  # of the larger: slopes that differ by so much have nothing in common
VISIBLE = 1e-6  # of the natural size: a slope that is smaller says nothing about the function as a whole
AGREED = 1e-3  # relative: real differences with a wider bar have nothing to say against the complex step
SUSPECT = (
    1e-4  # relative: a larger difference from the complex step is put to real numbers, too, before it is a reproach
)
SMALL = 1e-5  # relative: a smaller difference may be the rounding of the derivative, which is measured then
DROWNED = 0.1  # of the value: a bar that is wider leaves not even the first digit
CLEAR = 1e-3  # of the value: a wider bar would hide a factor of 1.001
NOISY = 0.03  # of the bar: noise with a larger share is its cause
MISS = 1e-8  # the probability that random directions miss an error of a hundred bars
WITHIN = 0.008  # the probability that a Gaussian number is within a hundredth of its spread
LOSES = 16  # units in the last place that a good algorithm may lose beside what conditioning takes
