"""The technician's visit to a terminal: nine steps, asked and done one after the other, saved after each, recorded as one job.

`steps` is the table of what is asked and done, `state` what is known so far, `gates` what must hold before anything is
changed; `conduct` carries it out. Questions go through an `Asker`, so that a person, a file or a test can answer.
"""
