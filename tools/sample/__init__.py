"""Parts of ``make_sample.py``: a toy but structurally true DAOD_PHYSLITE file.

``generate``, ``reconstruct`` and ``trigger`` make the physics with NumPy, ``content`` turns it into named columns,
``metadata`` describes the file, and ``writer`` hands all of it to ROOT (``edm.h`` and ``columns.h`` are its C++ side).
"""
