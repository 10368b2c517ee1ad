mod follow_faults;
