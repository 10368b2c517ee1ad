//! A Daytona on your own machine: the API, the toolbox and the preview proxy on loopback, over real
//! processes, terminals and files. The binary is `daytona-dev`; tests start a [`Server`] in process.
