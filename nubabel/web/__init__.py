"""A web process: `manage.py web`.

departure   how far a process is on its way out (pure)
server      uvicorn, told to stop in stages
crew        several web processes behind one listening socket
farewell    what a stopping process answers
heads       connections that never say what they want
"""
