"""Law as dated data: regimes, duties and deadlines, the fields of forms; each file says where it was read and when."""
