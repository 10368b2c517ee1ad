mod follow_faults;
mod silent_server;
