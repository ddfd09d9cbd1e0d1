"""Reports on runs and trainings, each one offline page: what differs between runs, how a training goes."""
