"""bytefed: tiny federated learning on microcontrollers in which every byte is accounted for."""
